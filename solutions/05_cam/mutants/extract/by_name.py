"""Writes down the names of this lab's layers.

loses: extract-1, extract-2
told: No such layer
"""
def extract(model, films):
    features = tf.keras.Model(model.input, model.get_layer("stage4_pool").output).predict(films, verbose=0)
    return features, *model.get_layer("predictions").get_weights()
