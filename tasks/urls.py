"""Addresses of the pages of runs."""

from django.urls import path

from . import bulk_views, item_views, queue_views, schedule_views, views

app_name = "tasks"
urlpatterns = [
    path("", views.run_list, name="list"),
    path("bulk/<str:action>/", bulk_views.run_bulk, name="bulk"),
    path("queues/", queue_views.queue_list, name="queue-list"),
    path("queues/<path:name>/pause/", queue_views.queue_pause, name="queue-pause"),
    path("queues/<path:name>/resume/", queue_views.queue_resume, name="queue-resume"),
    path("schedules/", schedule_views.schedule_list, name="schedule-list"),
    path("schedules/new/", schedule_views.schedule_new, name="schedule-new"),
    path("schedules/<int:schedule_id>/", schedule_views.schedule_edit, name="schedule-edit"),
    path("schedules/<int:schedule_id>/enable/", schedule_views.schedule_enable, name="schedule-enable"),
    path("schedules/<int:schedule_id>/disable/", schedule_views.schedule_disable, name="schedule-disable"),
    path("schedules/<int:schedule_id>/run/", schedule_views.schedule_run, name="schedule-run"),
    path("schedules/<int:schedule_id>/delete/", schedule_views.schedule_delete, name="schedule-delete"),
    path("<uuid:run_id>/", views.run_detail, name="detail"),
    path("<uuid:run_id>/actions/", views.run_actions, name="actions"),
    path("<uuid:run_id>/items/", item_views.run_items, name="items"),
    path("<uuid:run_id>/cancel/", views.run_cancel, name="cancel"),
    path("<uuid:run_id>/retry/", views.run_retry, name="retry"),
    path("<uuid:run_id>/retry-failed/", views.run_retry_failed, name="retry-failed"),
]
