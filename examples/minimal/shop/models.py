"""The shop's own people."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class Customer(AbstractUser):
    """Somebody who buys."""

    shoe_size = models.PositiveSmallIntegerField(null=True, blank=True)
