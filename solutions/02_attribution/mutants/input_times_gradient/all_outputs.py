"""The tape gets all outputs and adds their gradients up.

loses: input_times_gradient-2
told: all outputs were added up
"""
def input_times_gradient(model, images, target):
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = model(x)
    return x * tape.gradient(logits, x)
