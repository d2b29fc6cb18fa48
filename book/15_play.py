# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (ch-play)=
# # A page to play with
#
# *Cost: a few seconds on one core; nothing is trained. The models of the page are those of committed records of profile `small`, seed 0; tables and figures show three seeds.*
#
# ## What was expected
#
# Written before any of these models was trained. *First*, after ten mini-batches of eight, a model of ten steps has a lower error than the 1-step model repeated, on the line and on the square. *Second*, on the line it stays above the memoryless bound after ten mini-batches, and has more than twice the error that full Bayes leaves: a slot holds a number and not how sure it is, nor which step this is. *Third*, on the square its error after one mini-batch is lower than that of nearest neighbours on the same points, and higher after ten, where neighbours still have all eighty points and the model has a state.
# Each is judged by the gate of chapter {ref}`ch-claims` from the records of `smooth/*`.
