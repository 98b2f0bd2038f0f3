"""Random programs, run on tapegrad and on torch statement by statement.

statements: the kinds of statements, and how often each comes; text, drawn by
writing:    which puts the program's tensors into calls from the samples of all ops (calls), and
drawing:    choices, literals, indices, views.
running:    runs them on both libraries and compares everything that a user can see, after each.
departures: the known differences, each with its reason.
choices:    looks whether equal elements, or what is not sorted, leave the result open.
rounding:   tells a difference that rounding explains from a bug.
shrinking:  makes a failing program small.
children:   runs programs in processes of their own, which torch may crash.
`python -m tests.ops.fuzz --programs 100000 --seed 0` runs many; test_fuzz.py some, through hypothesis.
"""
