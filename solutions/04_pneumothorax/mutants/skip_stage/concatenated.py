"""Concatenation, as in a DenseNet or a U-Net, instead of a sum.

loses: skip_stage-1, skip_stage-2
told: Concatenating is not adding
"""
def skip_stage(shape, channels, last=False):
    layers = tf.keras.layers
    inputs = layers.Input(shape, name="features")
    first = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv1")(inputs)
    second = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv2")(first)
    total = layers.Concatenate(name="sum")([first, second])
    pooling = layers.AveragePooling2D if last else layers.MaxPooling2D
    return tf.keras.Model(inputs, pooling(name="pool")(total))
