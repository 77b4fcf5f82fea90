"""What the services ask of storage: one protocol per subject, joined by `unit_of_work.UnitOfWork`.

Times are timezone-aware UTC. Repositories give values, never rows of the database. What reads gives None when there is
no such thing (or it was deleted); what writes about a thing that is not there raises NotFoundError.
"""
