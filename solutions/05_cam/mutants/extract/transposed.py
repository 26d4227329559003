"""Gives the weights as (classes, detectors), as other libraries keep them.

loses: extract-2
told: the weights are transposed
"""
def extract(model, films):
    gap = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.GlobalAveragePooling2D)][0]
    dense = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Dense)][-1]
    features = tf.keras.Model(model.input, gap.input).predict(films, verbose=0)
    weights, bias = dense.get_weights()
    return features, weights.T, bias
