"""Operations on companies."""

from keel.api.resolver import Api
from keel.companies.entity_type import COMPANY
from keel.companies.schemas import Company, CompanyList, CompanyUpdate
from keel.records import routes

api = Api("companies")
handler = api.handle

routes.crud(api, COMPANY, update=CompanyUpdate, listed=CompanyList, result=Company)
