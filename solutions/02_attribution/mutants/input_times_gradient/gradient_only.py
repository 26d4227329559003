"""The gradient is returned as it is.

loses: input_times_gradient-1, input_times_gradient-2
told: gradient alone
"""
def input_times_gradient(model, images, target):
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = model(x)[:, target]
    return tape.gradient(logit, x)
