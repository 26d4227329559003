"""Both convolutions read the input: two columns, no stack.

loses: skip_stage-1, skip_stage-2
told: on top of conv1
"""
def skip_stage(shape, channels, last=False):
    layers = tf.keras.layers
    inputs = layers.Input(shape, name="features")
    first = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv1")(inputs)
    second = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv2")(inputs)
    total = layers.Add(name="sum")([first, second])
    pooling = layers.AveragePooling2D if last else layers.MaxPooling2D
    return tf.keras.Model(inputs, pooling(name="pool")(total))
