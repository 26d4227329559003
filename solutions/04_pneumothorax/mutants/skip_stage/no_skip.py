"""The layers are there, but the first convolution does not take part: the second is added to nothing.

loses: skip_stage-2
told: What is it added to
"""
def skip_stage(shape, channels, last=False):
    layers = tf.keras.layers
    inputs = layers.Input(shape, name="features")
    first = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv1")(inputs)
    second = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv2")(first)
    total = layers.Activation("linear", name="sum")(second)
    pooling = layers.AveragePooling2D if last else layers.MaxPooling2D
    return tf.keras.Model(inputs, pooling(name="pool")(total))
