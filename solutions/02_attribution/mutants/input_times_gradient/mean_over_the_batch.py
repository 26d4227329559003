"""The loss of training is a mean, so the logit is averaged too: maps shrink with the batch.

loses: input_times_gradient-1, input_times_gradient-2
told: number of films
"""
def input_times_gradient(model, images, target):
    x = tf.convert_to_tensor(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logit = tf.reduce_mean(model(x)[:, target])
    return x * tape.gradient(logit, x)
