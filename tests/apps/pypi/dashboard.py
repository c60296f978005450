"""Dash's smallest example: the WSGI application is an attribute of an attribute."""

from dash import Dash, html

app = Dash(__name__)
app.layout = html.Div("Hello, Dash!")
