"""One sum for the whole batch.

loses: lrp_epsilon-1, lrp_epsilon-2, lrp_epsilon-3
told: by hand
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    steadied = tf.reduce_sum(sums, axis=0, keepdims=True) + epsilon
    handed = tf.constant(relevance, tf.float32) / steadied
    return (inputs * tape.gradient(sums, x, output_gradients=handed)).numpy()
