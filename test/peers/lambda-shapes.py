# Prints the inputs of operations of the Lambda API as botocore's model has them: members, types, constraints.
import json
import sys

import botocore.session

model = botocore.session.get_session().get_service_model("lambda")


def shape_of(shape, above=()):
    told = {"type": shape.type_name, "name": shape.name, **shape.metadata}
    if shape.name in above:
        return told
    inner = (*above, shape.name)
    if shape.type_name == "structure":
        told["required"] = shape.required_members
        told["members"] = {name: shape_of(each, inner) for name, each in shape.members.items()}
    elif shape.type_name == "list":
        told["member"] = shape_of(shape.member, inner)
    elif shape.type_name == "map":
        told["key"] = shape_of(shape.key, inner)
        told["value"] = shape_of(shape.value, inner)
    return told


inputs = {name: shape_of(model.operation_model(name).input_shape) for name in sys.argv[1:]}
print(json.dumps(inputs))
