"""What `--state-dir` keeps across a stop and a start, and across a kill -9 as far as that goes.

folder.py    the directory: whose it is, and the time           saver.py    when it is saved, and what of it is told
snapshot.py  one save, whole or not at all                      journal.py  requests accepted since the last save
pickling.py  what pickle cannot do by itself                    contents.py objects' bodies, written once
moto_state.py  moto's stores, taken out and put back            damage.py   what to say of state that cannot be read
state.py     all of it together

A directory of state is trusted as the code itself is: loading a pickle runs what it says. It is made for its owner alone.
"""
