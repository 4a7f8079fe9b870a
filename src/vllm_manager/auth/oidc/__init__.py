"""Single sign-on: logins at an OpenID Connect provider, whose groups give roles."""
