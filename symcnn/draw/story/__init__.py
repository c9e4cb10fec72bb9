"""What a picture tells, before anything has a place: boxes, their twins, folds, neighbourhoods."""
