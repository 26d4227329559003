"""The bias is no input, so it is kept out of the sum: relevance is then made from nothing.

loses: lrp_epsilon-1, lrp_epsilon-2, lrp_epsilon-3
told: the bias belongs to the sum
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x) - layer(tf.zeros_like(x))
    steadied = sums + epsilon * tf.where(sums >= 0, 1.0, -1.0)
    handed = tf.constant(relevance, tf.float32) / steadied
    return (inputs * tape.gradient(sums, x, output_gradients=handed)).numpy()
