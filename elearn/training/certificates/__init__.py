"""Each employer's register of the certificates of its people, and what it publishes of them.

rules, sheets         pure: until when one holds by the rules of each day; a spreadsheet of them
register, importing   entered, reviewed, looked up, ended; a whole spreadsheet or nothing
reading               a person's own, who looked one up
listed                a unit's list, page after page by key
posts                 pure: which posts ask for one, until when it may be missing, when that is told
qualified             who stands at a post without one, holding rates
jobs, warnings        every night: what runs out, who may not work or has a day, and who is told
notices               the public notice of an enterprise (企业信息公开, B17)
"""
