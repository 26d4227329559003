"""A small number typed into the formula instead of the parameter.

loses: lrp_epsilon-3
told: takes the sum's sign
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    steadied = sums + 1e-7 * tf.where(sums >= 0, 1.0, -1.0)
    handed = tf.constant(relevance, tf.float32) / steadied
    return (inputs * tape.gradient(sums, x, output_gradients=handed)).numpy()
