"""Operations on activities."""

from keel.activities.entity_type import ACTIVITY
from keel.activities.metadata import SCHEMAS
from keel.activities.schemas import Activity, ActivityList, ActivitySchema, ActivityUpdate
from keel.api.fields import Body
from keel.api.resolver import Api, Call
from keel.records import routes
from keel.records.entity_type import Values
from keel.records.schemas import Page

api = Api("activities")
handler = api.handle

routes.crud(api, ACTIVITY, update=ActivityUpdate, listed=ActivityList, result=Activity)


@api.operation("activity-schemas-list", Body, result=Page[ActivitySchema])
def list_schemas(call: Call[Body]) -> Values:  # noqa: ARG001 - every caller gets the same
    items = [{"activity_type": activity_type, "schema": schema} for activity_type, schema in SCHEMAS.items()]
    return {"items": items, "next_cursor": ""}
