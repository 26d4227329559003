"""The relevance sent back like a gradient, undivided.

loses: lrp_epsilon-1, lrp_epsilon-2, lrp_epsilon-3
told: input times gradient
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    steadied = sums + epsilon * tf.where(sums >= 0, 1.0, -1.0)
    handed = tf.constant(relevance, tf.float32)
    return (inputs * tape.gradient(sums, x, output_gradients=handed)).numpy()
