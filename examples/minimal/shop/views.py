"""The shop's one page."""

from django.contrib.auth.decorators import login_required
from django.shortcuts import redirect, render

from .jobs import count_stock


@login_required
def stock(request):
    """The stock, and how far its last count is."""
    if request.method == "POST":
        request.session["count"] = count_stock.using(owner=request.user).enqueue(shelves=25).id
        return redirect("stock")
    return render(request, "shop/stock.html", {"count": request.session.get("count")})
