-- An event's job is checked to be there by a plan that is made once a connection, often while the table is empty and all indexes
-- that begin with the workspace cost the same: on this one each check read all jobs of the workspace. What it was for stands in a
-- table of its own, which a later migration makes.
DROP INDEX "jobs_told";
