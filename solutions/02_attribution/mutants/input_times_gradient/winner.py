"""The largest output is explained, not the class that was asked for.

loses: input_times_gradient-2
told: the winner
"""
def input_times_gradient(model, images, target):
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = tf.reduce_max(model(x), axis=1)
    return x * tape.gradient(logit, x)
