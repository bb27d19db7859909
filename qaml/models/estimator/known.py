"""The estimators of scikit-learn that a spec may name without trust in a module of Python.

They are classes of the library that qaml itself requires, they are made from numbers, texts and lists, and none of them
imports, reads or runs what such an argument names. Estimators that are made from other objects (pipelines, votes,
chains) are left out: they need a factory of the user's.
"""

from __future__ import annotations

_CLASSES = {
    "sklearn.calibration": ("CalibratedClassifierCV",),
    "sklearn.discriminant_analysis": ("LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis"),
    "sklearn.ensemble": (
        "AdaBoostClassifier",
        "BaggingClassifier",
        "ExtraTreesClassifier",
        "GradientBoostingClassifier",
        "HistGradientBoostingClassifier",
        "RandomForestClassifier",
    ),
    "sklearn.gaussian_process": ("GaussianProcessClassifier",),
    "sklearn.linear_model": (
        "LogisticRegression",
        "LogisticRegressionCV",
        "Perceptron",
        "RidgeClassifier",
        "RidgeClassifierCV",
        "SGDClassifier",
    ),
    "sklearn.naive_bayes": ("BernoulliNB", "ComplementNB", "GaussianNB", "MultinomialNB"),
    "sklearn.neighbors": ("KNeighborsClassifier", "NearestCentroid"),
    "sklearn.neural_network": ("MLPClassifier",),
    "sklearn.semi_supervised": ("LabelPropagation", "LabelSpreading"),
    "sklearn.svm": ("LinearSVC", "NuSVC", "SVC"),
    "sklearn.tree": ("DecisionTreeClassifier", "ExtraTreeClassifier"),
}
KNOWN = frozenset(f"{module}:{name}" for module, names in _CLASSES.items() for name in names)
"""``module:class`` of each."""
