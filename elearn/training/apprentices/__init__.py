"""Who learns a trade beside whom (师傅带徒弟, B05): weekly notes, and the signatures of both when it is over."""
