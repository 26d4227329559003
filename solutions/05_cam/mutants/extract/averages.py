"""Takes what comes out of the global average: the places are gone.

loses: extract-1, extract-2
told: what goes *into* the global average
"""
def extract(model, films):
    gap = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.GlobalAveragePooling2D)][0]
    dense = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Dense)][-1]
    return tf.keras.Model(model.input, gap.output).predict(films, verbose=0), *dense.get_weights()
