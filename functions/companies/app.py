"""Which operations are there on companies?"""

from keel.companies.kind import COMPANY
from keel.companies.schemas import Company, CompanyList, CompanyUpdate
from keel.http import Api
from keel.records import operations

api = Api("companies")
handler = api.handle

operations.crud(api, COMPANY, update=CompanyUpdate, listed=CompanyList, result=Company)
