"""Puts the ReLU back that was taken off: negative sums become epsilon.

loses: lrp_epsilon-1, lrp_epsilon-2, lrp_epsilon-3
told: by hand
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    x = tf.constant(inputs, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    steadied = tf.nn.relu(sums) + epsilon
    handed = tf.constant(relevance, tf.float32) / steadied
    return (inputs * tape.gradient(sums, x, output_gradients=handed)).numpy()
