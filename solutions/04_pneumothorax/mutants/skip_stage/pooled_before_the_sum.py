"""Each convolution is pooled on its own, and the pictures are added afterwards.

loses: skip_stage-1, skip_stage-2
told: Pool after the sum
"""
def skip_stage(shape, channels, last=False):
    layers = tf.keras.layers
    inputs = layers.Input(shape, name="features")
    first = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv1")(inputs)
    second = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv2")(first)
    pooling = layers.AveragePooling2D if last else layers.MaxPooling2D
    total = layers.Add(name="sum")([pooling(name="pool")(first), pooling(name="pool2")(second)])
    return tf.keras.Model(inputs, total)
