# The first query from R: Rscript first_query.R (needs no package).
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE)))
query <- paste(readLines(file.path(here, "first_query.rq")), collapse = "\n")
address <- paste0(Sys.getenv("DLOM_URL", "http://localhost:8501"), "/sparql?query=", URLencode(query, reserved = TRUE))
table <- read.csv(url(address, headers = c(Accept = "text/csv")))
write.csv(table, row.names = FALSE, quote = FALSE)
