-- Who was asked for at the catalogue of music, and when: the next run begins with the others.
alter table artists add column looked_up_at timestamptz;
