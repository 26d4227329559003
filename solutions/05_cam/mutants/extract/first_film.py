"""Squeezes the batch away: it worked for one film.

loses: extract-1, extract-2
told: squeeze the batch axis away
"""
def extract(model, films):
    gap = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.GlobalAveragePooling2D)][0]
    dense = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Dense)][-1]
    features = tf.keras.Model(model.input, gap.input).predict(films, verbose=0)
    return features[0], *dense.get_weights()
