"""As in a ResNet: the second convolution is linear, the ReLU comes after the sum.

loses: skip_stage-2
told: has its own ReLU too
"""
def skip_stage(shape, channels, last=False):
    layers = tf.keras.layers
    inputs = layers.Input(shape, name="features")
    first = layers.Conv2D(channels, 3, padding="same", activation="relu", name="conv1")(inputs)
    second = layers.Conv2D(channels, 3, padding="same", name="conv2")(first)
    total = layers.Activation("relu", name="gate")(layers.Add(name="sum")([first, second]))
    pooling = layers.AveragePooling2D if last else layers.MaxPooling2D
    return tf.keras.Model(inputs, pooling(name="pool")(total))
