"""Epsilon added to negative sums too, which pushes them towards zero.

loses: lrp_epsilon-3
told: takes the sum's sign
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    steadied = sums + epsilon
    handed = tf.constant(relevance, tf.float32) / steadied
    return (inputs * tape.gradient(sums, x, output_gradients=handed)).numpy()
