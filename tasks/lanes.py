"""Which waiting run is next: the worker's fetch, as one statement.

The order is priority, then turn, then age. A run's turn is how many runs of its owner are under way, plus its place
among those of the owner that wait: so one person's five hundred runs do not keep another's one waiting. Left out are
runs that are planned for later, that wait in a paused queue, or whose concurrency key has as many under way as it may.

Runs that wait with the same queue, priority, owner and key form a lane. The index `task_lanes` holds them side by side,
so the statement jumps from lane to lane and reads the first few runs of each: what it costs grows with the number of
lanes, not with the number of runs that wait.

A ticket is looked up by its id, and in no other way. The engine has indexes of the tickets that wait; where thousands
were made since the table was last analyzed, they look like a short way to one of them, and each lane would read them
all: 280 ms for 100 lanes of 9 runs, instead of 14. So nowhere is a status asked for in words that those indexes answer.

The limit of a key is only looked at here, so that nobody stands in the way of others; it is decided in the claim.
"""

CANDIDATES = 16  # so many workers may fetch at the same moment, from however few lanes, and still find something each

# Parameters: queues (names, or NULL for all), worker_id, candidates, maintenance (the queue of the engine's own
# periodic tasks, which have no run) and unknown (tasks whose runs are left to others, see unknown.py).
FETCH = """
WITH RECURSIVE
under_way AS MATERIALIZED (  -- one row per taken ticket, whether its run is claimed already or about to be
    SELECT coalesce(run.owner_id::text, '') AS owner, run.concurrency_key AS key
    FROM procrastinate_jobs job JOIN background_tasks run ON run.id = (job.args->>'run_id')::uuid
    WHERE job.worker_id IS NOT NULL AND job.status = 'doing' AND job.task_name = 'tasks.execute'
),
lane AS (
    (
        SELECT queue, (priority * -1) AS rank, coalesce(owner_id::text, '') AS owner, concurrency_key AS key
        FROM background_tasks WHERE status = 'pending'
        ORDER BY queue, (priority * -1), coalesce(owner_id::text, ''), concurrency_key LIMIT 1
    )
    UNION ALL
    SELECT following.* FROM lane CROSS JOIN LATERAL (
        SELECT queue, (priority * -1), coalesce(owner_id::text, ''), concurrency_key
        FROM background_tasks
        WHERE status = 'pending'
          AND (queue, (priority * -1), coalesce(owner_id::text, ''), concurrency_key)
            > (lane.queue, lane.rank, lane.owner, lane.key)
        ORDER BY queue, (priority * -1), coalesce(owner_id::text, ''), concurrency_key LIMIT 1
    ) following
),
depth AS MATERIALIZED (SELECT greatest(1, %(candidates)s::int / greatest(1, count(*))) AS number FROM lane),
candidate AS (
    SELECT first.ticket, lane.rank, lane.owner, lane.key, first.since, first.concurrency_limit AS at_most
    FROM lane CROSS JOIN LATERAL (
        (
            SELECT run.ticket, run.created_at AS since, run.concurrency_limit
            FROM background_tasks run CROSS JOIN LATERAL (
                SELECT status FROM procrastinate_jobs WHERE id = run.ticket OFFSET 0  -- see above
            ) job
            WHERE job.status = 'todo' AND run.status = 'pending'
              AND run.queue = lane.queue AND (run.priority * -1) = lane.rank
              AND coalesce(run.owner_id::text, '') = lane.owner AND run.concurrency_key = lane.key
              AND run.run_after IS NULL AND run.task <> ALL(%(unknown)s::text[])
            ORDER BY run.run_after, run.created_at, run.id LIMIT (SELECT number FROM depth)
        )
        UNION ALL
        (
            SELECT run.ticket, run.run_after, run.concurrency_limit
            FROM background_tasks run CROSS JOIN LATERAL (
                SELECT status FROM procrastinate_jobs WHERE id = run.ticket OFFSET 0  -- see above
            ) job
            WHERE job.status = 'todo' AND run.status = 'pending'
              AND run.queue = lane.queue AND (run.priority * -1) = lane.rank
              AND coalesce(run.owner_id::text, '') = lane.owner AND run.concurrency_key = lane.key
              AND run.run_after <= now() AND run.task <> ALL(%(unknown)s::text[])
            ORDER BY run.run_after, run.created_at, run.id LIMIT (SELECT number FROM depth)
        )
    ) first
    WHERE (%(queues)s::varchar[] IS NULL OR lane.queue = ANY(%(queues)s::varchar[]))
      AND lane.queue NOT IN (SELECT name FROM task_queues WHERE paused_at IS NOT NULL)
),
turn AS (
    SELECT ticket, rank, since, key, at_most,
        row_number() OVER (PARTITION BY rank, owner ORDER BY since) + coalesce(of_owner.number, 0) AS number,
        row_number() OVER (PARTITION BY key ORDER BY rank, since) + coalesce(of_key.number, 0) AS number_of_key
    FROM candidate
    LEFT JOIN (SELECT owner, count(*) AS number FROM under_way GROUP BY owner) of_owner USING (owner)
    LEFT JOIN (SELECT key, count(*) AS number FROM under_way GROUP BY key) of_key USING (key)
),
line AS (
    SELECT ticket, rank, number, since FROM turn WHERE key = '' OR number_of_key <= at_most
    UNION ALL
    (
        SELECT id, priority * -1, 0, '-infinity' FROM procrastinate_jobs
        WHERE queue_name = %(maintenance)s AND task_name <> 'tasks.execute' AND status::text = 'todo'
          AND (scheduled_at IS NULL OR scheduled_at <= now())
        ORDER BY priority DESC, id LIMIT 1
    )
),
first_in_line AS (
    SELECT *, 'todo'::procrastinate_job_status AS waiting
    FROM line ORDER BY rank, number, since, ticket LIMIT %(candidates)s::int
),
chosen AS (
    SELECT job.id, line.since FROM first_in_line line JOIN procrastinate_jobs job ON job.id = line.ticket
    WHERE job.status = line.waiting
    ORDER BY line.rank, line.number, line.since, job.id
    LIMIT 1 FOR UPDATE OF job SKIP LOCKED
)
UPDATE procrastinate_jobs job SET status = 'doing', worker_id = %(worker_id)s
FROM chosen WHERE job.id = chosen.id
RETURNING job.id, job.status, job.task_name, job.priority, job.lock, job.queueing_lock, job.args, job.scheduled_at,
    job.queue_name, job.attempts, job.worker_id,
    extract(epoch FROM now() - nullif(chosen.since, '-infinity'))::float8 AS waited,
    (SELECT task FROM background_tasks run WHERE run.id = (job.args->>'run_id')::uuid) AS task
"""
