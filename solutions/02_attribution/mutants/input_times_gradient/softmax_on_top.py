"""A probability is explained instead of the logit.

loses: input_times_gradient-1, input_times_gradient-2
told: softmax
"""
def input_times_gradient(model, images, target):
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        probability = tf.nn.softmax(model(x))[:, target]
    return x * tape.gradient(probability, x)
