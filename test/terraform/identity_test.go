// Tests what the provider calls when it starts, unless it is told to skip that, and for data of aws_caller_identity.
package terraform

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func TestCallerIsTheAccount(t *testing.T) {
	ctx, c := connect(t)
	output := must[*sts.GetCallerIdentityOutput](t, "asking")(c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{}))
	noChanges(t, "the identity",
		attributes{"account_id": account, "arn": "arn:aws:iam::" + account + ":root", "user_id": account},
		attributes{
			"account_id": aws.ToString(output.Account),
			"arn":        aws.ToString(output.Arn),
			"user_id":    aws.ToString(output.UserId),
		})
}
