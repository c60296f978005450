"""An application that needs a package that nobody has."""

import no_such_package

app = no_such_package.App()
