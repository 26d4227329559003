"""Divides by the size of the sum, as one does for a norm: negative units turn their sign.

loses: lrp_epsilon-1, lrp_epsilon-2, lrp_epsilon-3
told: wrong sign
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    steadied = tf.abs(sums) + epsilon
    handed = tf.constant(relevance, tf.float32) / steadied
    return (inputs * tape.gradient(sums, x, output_gradients=handed)).numpy()
