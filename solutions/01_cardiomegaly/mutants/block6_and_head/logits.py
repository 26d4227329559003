"""The last layer has no softmax: its outputs are no probabilities.

loses: block6_and_head-2
told: probabilities that add up to 1
"""
def block6_and_head(shape, width_divisor=1, classes=2):
    layers = tf.keras.layers
    x = inputs = layers.Input(shape, name="features")
    for i in (1, 2, 3):
        x = layers.Conv2D(512 // width_divisor, 3, padding="valid", activation="relu", name=f"block6_conv{i}")(x)
    x = layers.MaxPooling2D(name="block6_pool")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(100, activation="relu", name="first_dense")(x)
    x = layers.Dropout(0.1)(x)
    x = layers.Dense(20, activation="relu", name="second_dense")(x)
    x = layers.Dropout(0.1)(x)
    return tf.keras.Model(inputs, layers.Dense(classes, name="clf")(x))
