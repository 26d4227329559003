"""tf.sign gives 0 for 0, so the sum stays 0 and is divided by.

loses: lrp_epsilon-3
told: counts as positive
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    steadied = sums + epsilon * tf.sign(sums)
    handed = tf.constant(relevance, tf.float32) / steadied
    return (inputs * tape.gradient(sums, x, output_gradients=handed)).numpy()
