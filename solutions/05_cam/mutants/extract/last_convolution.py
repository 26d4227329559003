"""Takes the last convolution, as most tutorials do; here a skip sum and a pooling come after it.

loses: extract-1, extract-2
told: this is the output of the last convolution
"""
def extract(model, films):
    convolutions = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Conv2D)]
    dense = [layer for layer in model.layers if isinstance(layer, tf.keras.layers.Dense)][-1]
    features = tf.keras.Model(model.input, convolutions[-1].output).predict(films, verbose=0)
    return features, *dense.get_weights()
