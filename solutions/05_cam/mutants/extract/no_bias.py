"""The bias is forgotten: the map will never average to the logit.

loses: extract-2
told: return three arrays
"""
def extract(model, films):
    gap = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.GlobalAveragePooling2D)][0]
    dense = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Dense)][-1]
    features = tf.keras.Model(model.input, gap.input).predict(films, verbose=0)
    return features, dense.get_weights()[0]
