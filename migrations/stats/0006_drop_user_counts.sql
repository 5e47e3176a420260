-- How many accounts there are, auth is asked when somebody looks.

drop table user_counts;
