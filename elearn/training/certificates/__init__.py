"""Each employer's register of the certificates of its people, and what it publishes of them.

rules, sheets         pure: until when one holds by the rules of each day; a spreadsheet of them
register, importing   entered, reviewed, looked up, ended; a whole spreadsheet or nothing
reading               lists of a unit, a person's own, who stands at a post without one, holding rates
jobs                  every night: what runs out, and who is told
notices               the public notice of an enterprise (企业信息公开, B17)
"""
