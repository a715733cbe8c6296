"""Fits a dense layer to features, without steps of gradient descent."""

import numpy as np

from keras_squeeze.models.class_names import softmax


def logistic_regression(features, labels, num_classes, inverse_penalty):
    """Fit a logistic regression.

    It minimizes the sum of the log losses of all samples, times the
    `inverse_penalty`, plus half the sum of the squared weights. The biases are
    not penalized.

    Args:
        features: float array of shape `(num_samples, dim)`.
        labels: int array of shape `(num_samples,)`, or with several labels
            a bool array of shape `(num_samples, num_classes)`.
        num_classes: int.
        inverse_penalty: float.

    Returns:
        A tuple of float64 arrays: the weights, of shape `(dim, num_classes)`,
        and the biases, of shape `(num_classes,)`.
    """
    from scipy.optimize import minimize

    features = np.asarray(features, "float64")
    multi_label = labels.ndim == 2
    targets = labels if multi_label else np.eye(num_classes)[labels]
    targets = targets.astype("float64")
    count, dim = features.shape
    penalty = 1 / (inverse_penalty * count)

    def loss_and_gradient(parameters):
        parameters = parameters.reshape(dim + 1, num_classes)
        weights, biases = parameters[:-1], parameters[-1]
        logits = features @ weights + biases
        if multi_label:
            totals = np.logaddexp(0, logits)
            probabilities = np.exp(logits - totals)
        else:
            largest = logits.max(axis=-1)
            totals = largest + np.log(
                np.exp(logits - largest[:, np.newaxis]).sum(axis=-1)
            )
            probabilities = softmax(logits)
        loss = (totals.sum() - np.sum(targets * logits)) / count
        loss += penalty / 2 * np.sum(weights**2)
        errors = (probabilities - targets) / count
        gradient = np.vstack(
            [features.T @ errors + penalty * weights, errors.sum(axis=0)]
        )
        return loss, gradient.ravel()

    found = minimize(
        loss_and_gradient,
        np.zeros((dim + 1) * num_classes),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 2000, "maxfun": 4000, "gtol": 1e-7, "ftol": 1e-12},
    )
    parameters = found.x.reshape(dim + 1, num_classes)
    return parameters[:-1], parameters[-1]
