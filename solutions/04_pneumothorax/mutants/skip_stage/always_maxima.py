"""The last stage pools maxima too.

loses: skip_stage-2
told: the last stage uses mean pooling
"""
def skip_stage(shape, channels, last=False):
    layers = tf.keras.layers
    inputs = layers.Input(shape, name="features")
    first = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv1")(inputs)
    second = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv2")(first)
    total = layers.Add(name="sum")([first, second])
    return tf.keras.Model(inputs, layers.MaxPooling2D(name="pool")(total))
