"""The positive contributions only, the rule of deep Taylor.

loses: lrp_epsilon-1, lrp_epsilon-2, lrp_epsilon-3
told: by hand
"""
def lrp_epsilon(layer, inputs, relevance, epsilon=1e-7):
    kept = layer.get_weights()
    layer.set_weights([np.maximum(w, 0) for w in kept])
    x = tf.constant(np.maximum(inputs, 0), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        sums = layer(x)
    grads = tape.gradient(sums, x, output_gradients=relevance / (sums + epsilon))
    layer.set_weights(kept)
    return (x * grads).numpy()
