"""Which operations are there on activities?"""

from keel.activities.kind import ACTIVITY
from keel.activities.metadata import SCHEMAS
from keel.activities.schemas import Activity, ActivityList, ActivitySchema, ActivityUpdate
from keel.fields import Body
from keel.http import Api, Call
from keel.records import operations
from keel.records.kinds import Values
from keel.records.schemas import Page

api = Api("activities")
handler = api.handle

operations.crud(api, ACTIVITY, update=ActivityUpdate, listed=ActivityList, result=Activity)


@api.operation("activity-schemas-list", Body, result=Page[ActivitySchema])
def list_schemas(call: Call[Body]) -> Values:  # noqa: ARG001 - every caller gets the same
    items = [{"activity_type": activity_type, "schema": schema} for activity_type, schema in SCHEMAS.items()]
    return {"items": items, "next_cursor": ""}
