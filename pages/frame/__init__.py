"""What every page stands on: the guard, the visitor's uploads, the look.

NOTE: a module directly in `pages/` would become a page. Until `st.navigation` has run once in a process, Streamlit
takes every `pages/*.py` for one, with or without a leading underscore; it leaves out `__init__.py` and folders.
"""
