"""The rules of tools/tidy: over one file (files), over all (tree, classes, dead, measures); check runs them.

source reads C++, settings what may be set, self_test plants a violation of each rule.
"""
