"""The channels are added up at once, as if for display.

loses: input_times_gradient-1, input_times_gradient-2
told: Channels are added up later
"""
def input_times_gradient(model, images, target):
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = model(x)[:, target]
    return tf.reduce_sum(x * tape.gradient(logit, x), axis=-1)
